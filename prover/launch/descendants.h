/** The processes that descend from this one, where no namespace holds them together. */
#ifndef PV_DESCENDANTS_H
#define PV_DESCENDANTS_H

#include <stddef.h>

/** Sends the signal to every living descendant, whatever session or process group it went to. Returns how many it met.
 *  A process that forks meanwhile may have a child that was not met: whoever wants all of them gone asks again until there
 *  is none. Descendants whose parent ended are children of this process, which is a subreaper.
 *  Source: proc(5), /proc/PID/task/TID/children. */
size_t descendants_signal(int signal);

#endif
