#include "faults.h"

#include <errno.h>
#include <stddef.h>

bool fault_hit(struct faults *f, enum fault_kind kind)
{
    if (!f) return false;
    f->seen[kind]++;
    if (f->fail_at[kind] != f->seen[kind]) return false;
    errno = f->error[kind] ? f->error[kind] : EIO;
    return true;
}
