pragma circom 2.0.0;
// No public value at all: "I know four numbers with a * b = c * d". rapidsnark cannot prove it.
template Hidden() {
    signal input a;
    signal input b;
    signal input c;
    signal input d;
    signal e;
    e <== a * b;
    c * d === e;
}
component main = Hidden();
