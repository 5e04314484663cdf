#include "net_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the architecture's number in linux/audit.h"
#endif

enum { X32_BIT = 0x40000000 }; /* of x86-64's second table of system calls; other machines have no such number */

#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF(op, value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_##op | BPF_K, value, then, otherwise)
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)

bool net_filter_set(void)
{
    struct sock_filter steps[] = {
        LOAD(arch),
        IF(JEQ, ARCHITECTURE, 0, 7), /* -> ENOSYS */
        LOAD(nr),
        IF(JGE, X32_BIT, 5, 0),
        IF(JEQ, SYS_io_uring_setup, 4, 0),
        IF(JEQ, SYS_socket, 0, 2),
        LOAD(args[0]), /* the low half of it, on these little-endian machines */
        IF(JEQ, AF_UNIX, 0, 2),
        ANSWER(SECCOMP_RET_ALLOW),
        ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        ANSWER(SECCOMP_RET_ERRNO | EACCES),
    };
    struct sock_fprog program = { .len = sizeof steps / sizeof *steps, .filter = steps };
    return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
