pragma circom 2.0.0;
// Almost every wire is 0 or 1, as in SHA-256 or RSA circuits.
include "bitify.circom";
template Bits(n) {
    signal input value[n];
    signal output ones;
    component bits[n];
    signal sum[n + 1];
    sum[0] <== 0;
    for (var i = 0; i < n; i++) {
        bits[i] = Num2Bits(64);
        bits[i].in <== value[i];
        var s = 0;
        for (var j = 0; j < 64; j++) s += bits[i].out[j];
        sum[i + 1] <== sum[i] + s;
    }
    ones <== sum[n];
}
component main = Bits(8);
