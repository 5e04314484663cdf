/** One body for several processors: hot code is compiled once per path, and run.h chooses at run time.
 *
 *  A body lies in x_body.h and names what it exports BN254_PATHED(bn254_x). Two small twin sources include it:
 *  x_portable.c as it is, and x_adx.c after `#define BN254_BUILD_ADX`, which makes limbs.h use assembly. x.h declares
 *  what both define; the twins have no headers of their own. All inline arithmetic is static, so both bodies live in
 *  one program.
 */
#ifndef BN254_PATHS_H
#define BN254_PATHS_H

#ifdef BN254_BUILD_ADX
#define BN254_PATHED(name) name##_adx
#else
#define BN254_PATHED(name) name##_portable
#endif

/** Whether this build has the ADX bodies at all; bn254_path_available says whether the processor runs them. */
#ifdef __x86_64__
#define BN254_HAVE_ADX 1
#else
#define BN254_HAVE_ADX 0
#endif

#endif
