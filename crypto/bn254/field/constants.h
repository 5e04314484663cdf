/** BN254's numbers, printed by constants.py: field elements in Montgomery form, R = 2^256. */
#ifndef BN254_CONSTANTS_H
#define BN254_CONSTANTS_H

#include "limbs.h"
#include "types.h"

/* fp: modulus, R mod m, R^2 mod m, R^3 mod m, m - 2, -1/m mod 2^64, and what products need */
static const uint64_t BN254_FP_MODULUS[4] = { 0x3c208c16d87cfd47u, 0x97816a916871ca8du, 0xb85045b68181585du,
                                              0x30644e72e131a029u };
static const uint64_t BN254_FP_R[4] = { 0xd35d438dc58f0d9du, 0x0a78eb28f5c70b3du, 0x666ea36f7879462cu,
                                        0x0e0a77c19a07df2fu };
static const uint64_t BN254_FP_R2[4] = { 0xf32cfc5b538afa89u, 0xb5e71911d44501fbu, 0x47ab1eff0a417ff6u,
                                         0x06d89f71cab8351fu };
static const uint64_t BN254_FP_R3[4] = { 0xb1cd6dafda1530dfu, 0x62f210e6a7283db6u, 0xef7f0b0c0ada0afbu,
                                         0x20fd6e902d592544u };
static const uint64_t BN254_FP_MINUS_2[4] = { 0x3c208c16d87cfd45u, 0x97816a916871ca8du, 0xb85045b68181585du,
                                              0x30644e72e131a029u };
#define BN254_FP_INV 0x87d20782e4866389u
static const struct limbs_modulus BN254_FP_MONTGOMERY = {
    { 0x3c208c16d87cfd47u, 0x97816a916871ca8du, 0xb85045b68181585du, 0x30644e72e131a029u },
    BN254_FP_INV,
    { 0x327d7c1b18f7bd41u, 0xdb8ed52f824ed32fu, 0x29b67b05eb29a6a1u, 0x19ac99126b459ddau },
    { 0x1da790e434ade680u, 0x27a2f342f9905883u, 0xb5ab34890dfa3d61u, 0x1e07f71b064ef9b1u },
    { 0x7841182db0f9fa8eu, 0x2f02d522d0e3951au, 0x70a08b6d0302b0bbu, 0x60c89ce5c2634053u },
    { 0xc000000000000000u, 0x4f082305b61f3f51u, 0x65e05aa45a1c72a3u, 0x6e14116da0605617u, 0x0c19139cb84c680au }
};

/* fr: modulus, R mod m, R^2 mod m, R^3 mod m, m - 2, -1/m mod 2^64, and what products need */
static const uint64_t BN254_FR_MODULUS[4] = { 0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du,
                                              0x30644e72e131a029u };
static const uint64_t BN254_FR_R[4] = { 0xac96341c4ffffffbu, 0x36fc76959f60cd29u, 0x666ea36f7879462eu,
                                        0x0e0a77c19a07df2fu };
static const uint64_t BN254_FR_R2[4] = { 0x1bb8e645ae216da7u, 0x53fe3ab1e35c59e3u, 0x8c49833d53bb8085u,
                                         0x0216d0b17f4e44a5u };
static const uint64_t BN254_FR_R3[4] = { 0x5e94d8e1b4bf0040u, 0x2a489cbe1cfbb6b8u, 0x893cc664a19fcfedu,
                                         0x0cf8594b7fcc657cu };
static const uint64_t BN254_FR_MINUS_2[4] = { 0x43e1f593efffffffu, 0x2833e84879b97091u, 0xb85045b68181585du,
                                              0x30644e72e131a029u };
#define BN254_FR_INV 0xc2e1f593efffffffu
static const struct limbs_modulus BN254_FR_MONTGOMERY = {
    { 0x43e1f593f0000001u, 0x2833e84879b97091u, 0xb85045b68181585du, 0x30644e72e131a029u },
    BN254_FR_INV,
    { 0x2d3e8053e396ee4du, 0xca478dbeab3c92cdu, 0xb2d8f06f77f52a93u, 0x24d6ba07f7aa8f04u },
    { 0x18ee753c76f9dc6fu, 0x54ad7e14a329e70fu, 0x2b16366f4f7684dfu, 0x133100d71fdf3579u },
    { 0x87c3eb27e0000002u, 0x5067d090f372e122u, 0x70a08b6d0302b0bau, 0x60c89ce5c2634053u },
    { 0x4000000000000000u, 0x50f87d64fc000000u, 0x4a0cfa121e6e5c24u, 0x6e14116da0605617u, 0x0c19139cb84c680au }
};

/* p and r as files hold them: little-endian bytes. */
#define BN254_FP_MODULUS_BYTES                                                                                         \
    {                                                                                                                  \
        0x47, 0xfd, 0x7c, 0xd8, 0x16, 0x8c, 0x20, 0x3c, 0x8d, 0xca, 0x71, 0x68, 0x91, 0x6a, 0x81, 0x97, 0x5d, 0x58,    \
            0x81, 0x81, 0xb6, 0x45, 0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30                         \
    }
#define BN254_FR_MODULUS_BYTES                                                                                         \
    {                                                                                                                  \
        0x01, 0x00, 0x00, 0xf0, 0x93, 0xf5, 0xe1, 0x43, 0x91, 0x70, 0xb9, 0x79, 0x48, 0xe8, 0x33, 0x28, 0x5d, 0x58,    \
            0x81, 0x81, 0xb6, 0x45, 0x50, 0xb8, 0x29, 0xa0, 0x31, 0xe1, 0x72, 0x4e, 0x64, 0x30                         \
    }

/* The largest power of two in r - 1, and 5^((r - 1) / 2^28), the root snarkjs starts from. */
#define BN254_FR_TWO_ADICITY 28
static const bn254_fr BN254_FR_ROOT = { { 0x636e735580d13d9cu, 0xa22bf3742445ffd6u, 0x56452ac01eb203d8u,
                                          0x1860ef942963f9e7u } };

/* y^2 = x^3 + 3, and its twist y^2 = x^3 + 3 / (9 + u). */
static const bn254_fp BN254_G1_B = { { 0x7a17caa950ad28d7u, 0x1f6ac17ae15521b9u, 0x334bea4e696bd284u,
                                       0x2a1f6744ce179d8eu } };
static const bn254_fp2 BN254_G2_B = {
    { { 0x3bf938e377b802a8u, 0x020b1b273633535du, 0x26b7edf049755260u, 0x2514c6324384a86du } },
    { { 0x38e7ecccd1dcff67u, 0x65f0b37d93ce0d3eu, 0xd749d0dd22ac00aau, 0x0141b9ce4a688d4du } }
};
static const bn254_fp2 BN254_G2_B3 = {
    { { 0x3baa927cb62e0d6au, 0xd71e7c52d1b664fdu, 0x03873e63d95d4664u, 0x0e75b5b1082ab8f4u } },
    { { 0xaab7c6667596fe35u, 0x31d21a78bb6a27bau, 0x85dd7297680401ffu, 0x03c52d6adf39a7e9u } }
};
static const bn254_fp BN254_FP_HALF = { { 0x87bee7d24f060572u, 0xd0fd2add2f1c6ae5u, 0x8f5f7492fcfd4f44u,
                                          0x1f37631a3d9cbfacu } };

/* The generators everyone uses. */
static const bn254_g1_affine BN254_G1_GENERATOR = {
    { { 0xd35d438dc58f0d9du, 0x0a78eb28f5c70b3du, 0x666ea36f7879462cu, 0x0e0a77c19a07df2fu } },
    { { 0xa6ba871b8b1e1b3au, 0x14f1d651eb8e167bu, 0xccdd46def0f28c58u, 0x1c14ef83340fbe5eu } }
};
static const bn254_g2_affine BN254_G2_GENERATOR = {
    { { { 0x8e83b5d102bc2026u, 0xdceb1935497b0172u, 0xfbb8264797811adfu, 0x19573841af96503bu } },
      { { 0xafb4737da84c6140u, 0x6043dd5a5802d8c4u, 0x09e950fc52a02f86u, 0x14fef0833aea7b6bu } } },
    { { { 0x619dfa9d886be9f6u, 0xfe7fd297f59e9b78u, 0xff9e1a62231b7dfeu, 0x28fd7eebae9e4206u } },
      { { 0x64095b56c71856eeu, 0xdc57f922327d3cbbu, 0x55f935be33351076u, 0x0da4a0e693fd6482u } } }
};

/* The curve parameter x, and 6x + 2 in signed digits, lowest first. */
#define BN254_X 0x44e992b44a6909f1u
#define BN254_ATE_DIGITS 66
static const int8_t BN254_ATE_DIGIT[BN254_ATE_DIGITS] = { 0,  0,  0,  1, 0,  1, 0,  -1, 0,  0, -1, 0, 0,  0,  1, 0, 0,
                                                          -1, 0,  -1, 0, 0,  0, 1,  0,  -1, 0, 0,  0, 0,  -1, 0, 0, 1,
                                                          0,  -1, 0,  0, 1,  0, 0,  0,  0,  0, -1, 0, 0,  -1, 0, 1, 0,
                                                          -1, 0,  0,  0, -1, 0, -1, 0,  0,  0, 1,  0, -1, 0,  1 };
#define BN254_X_DIGITS 63
static const int8_t BN254_X_DIGIT[BN254_X_DIGITS] = { 1, 0, 0, 0, -1, 0,  0,  0, 0,  1, 0, 1, 0, 0, 0, 0,
                                                      1, 0, 0, 1, 0,  -1, 0,  1, 0,  1, 0, 1, 0, 0, 1, 0,
                                                      0, 0, 1, 0, -1, 0,  -1, 0, -1, 0, 1, 0, 1, 0, 0, -1,
                                                      0, 1, 0, 1, 0,  -1, 0,  0, 1,  0, 1, 0, 0, 0, 1 };

/* Frobenius: [k - 1][i] = (9 + u)^(i * (p^k - 1) / 6), for k = 1, 2, 3. */
static const bn254_fp2 BN254_FROBENIUS[3][6] = {
    { { { { 0xd35d438dc58f0d9du, 0x0a78eb28f5c70b3du, 0x666ea36f7879462cu, 0x0e0a77c19a07df2fu } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0xaf9ba69633144907u, 0xca6b1d7387afb78au, 0x11bded5ef08a2087u, 0x02f34d751a1f3a7cu } },
        { { 0xa222ae234c492d72u, 0xd00f02a4565de15bu, 0xdc2ff3a253dfc926u, 0x10a75716b3899551u } } },
      { { { 0xb5773b104563ab30u, 0x347f91c8a9aa6454u, 0x7a007127242e0991u, 0x1956bcd8118214ecu } },
        { { 0x6e849f1ea0aa4757u, 0xaa1c7b6d89f89141u, 0xb6e713cdfae0ca3au, 0x26694fbb4e82ebc3u } } },
      { { { 0xe4bbdd0c2936b629u, 0xbb30f162e133bacbu, 0x31a9d1b6f9645366u, 0x253570bea500f8ddu } },
        { { 0xa1d77ce45ffe77c7u, 0x07affd117826d1dbu, 0x6d16bd27bb7edc6bu, 0x2c87200285defeccu } } },
      { { { 0x7361d77f843abe92u, 0xa5bb2bd3273411fbu, 0x9c941f314b3e2399u, 0x15df9cddbb9fd3ecu } },
        { { 0x5dddfd154bd8c949u, 0x62cb29a5a4445b60u, 0x37bc870a0c7dd2b9u, 0x24830a9d3171f0fdu } } },
      { { { 0xc970692f41690fe7u, 0xe240342127694b0bu, 0x32bee66b83c459e8u, 0x12aabced0ab08841u } },
        { { 0x0d485d2340aebfa9u, 0x05193418ab2fcc57u, 0xd3b0a40b8a4910f5u, 0x2f21ebb535d2925au } } } },
    { { { { 0xd35d438dc58f0d9du, 0x0a78eb28f5c70b3du, 0x666ea36f7879462cu, 0x0e0a77c19a07df2fu } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0xca8d800500fa1bf2u, 0xf0c5d61468b39769u, 0x0e201271ad0d4418u, 0x04290f65bad856e6u } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0x3350c88e13e80b9cu, 0x7dce557cdb5e56b9u, 0x6001b4b8b615564au, 0x2682e617020217e0u } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0x68c3488912edefaau, 0x8d087f6872aabf4fu, 0x51e1a24709081231u, 0x2259d6b14729c0fau } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0x71930c11d782e155u, 0xa6bb947cffbe3323u, 0xaa303344d4741444u, 0x2c3b3f0d26594943u } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0x08cfc388c494f1abu, 0x19b315148d1373d4u, 0x584e90fdcb6c0213u, 0x09e1685bdf2f8849u } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } } },
    { { { { 0xd35d438dc58f0d9du, 0x0a78eb28f5c70b3du, 0x666ea36f7879462cu, 0x0e0a77c19a07df2fu } },
        { { 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u, 0x0000000000000000u } } },
      { { { 0x365316184e46d97du, 0x0af7129ed4c96d9fu, 0x659da72fca1009b5u, 0x08116d8983a20d23u } },
        { { 0xb1df4af7c39c1939u, 0x3d9f02878a73bf7fu, 0x9b2220928caf0ae0u, 0x26684515eff054a6u } } },
      { { { 0xc9af22f716ad6badu, 0xb311782a4aa662b2u, 0x19eeaf64e248c7f4u, 0x20273e77e3439f82u } },
        { { 0xacc02860f7ce93acu, 0x3933d5817ba76b4cu, 0x69e6188b446c8467u, 0x0a46036d4417cc55u } } },
      { { { 0x5764af0aaf46471eu, 0xdc50792e873e0fc1u, 0x86a673ff881d04f6u, 0x0b2eddb43c30a74cu } },
        { { 0x9a490f32787e8580u, 0x8fd16d7ff04af8b1u, 0x4b39888ec6027bf2u, 0x03dd2e705b52a15du } } },
      { { { 0x448a93a57b6762dfu, 0xbfd62df528fdeadfu, 0xd858f5d00e9bd47au, 0x06b03d4d3476ec58u } },
        { { 0x2b19daf4bcc936d1u, 0xa1a54e7a56f4299fu, 0xb533eee05adeaef1u, 0x170c812b84dda0b2u } } },
      { { { 0xe0bc4b2275cf559fu, 0xc238b945c154e60fu, 0x803982a5929a7d5eu, 0x15ce052df7e4a37eu } },
        { { 0x2d28efbdbf3799a7u, 0x9b097e3c1ad60773u, 0x982d4113af4a535bu, 0x24e18991e3056063u } } } },
};

#endif
