/** PV_SANITIZED: 1 when the address or thread sanitizer is in, which brings a malloc of its own and must be loaded first. */
#ifndef PV_SANITIZED_H
#define PV_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PV_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PV_SANITIZED 1
#endif
#ifndef PV_SANITIZED
#define PV_SANITIZED 0
#endif

#endif
