pragma circom 2.0.0;
// "I hold a key whose hash is a leaf of this tree, and I signed this message": what most applications of the queue do.
include "poseidon.circom";
include "eddsaposeidon.circom";
include "mux1.circom";

template Member(levels) {
    signal input key[2];
    signal input signature[3]; // R8.x, R8.y, S
    signal input sibling[levels];
    signal input right[levels];
    signal input message;
    signal input root;
    signal output nullifier;

    component signed = EdDSAPoseidonVerifier();
    signed.enabled <== 1;
    signed.Ax <== key[0];
    signed.Ay <== key[1];
    signed.R8x <== signature[0];
    signed.R8y <== signature[1];
    signed.S <== signature[2];
    signed.M <== message;

    component leaf = Poseidon(2);
    leaf.inputs[0] <== key[0];
    leaf.inputs[1] <== key[1];

    signal on_path[levels + 1];
    component side[levels];
    component node[levels];
    on_path[0] <== leaf.out;
    for (var i = 0; i < levels; i++) {
        right[i] * (1 - right[i]) === 0;
        side[i] = MultiMux1(2);
        side[i].c[0][0] <== on_path[i];
        side[i].c[0][1] <== sibling[i];
        side[i].c[1][0] <== sibling[i];
        side[i].c[1][1] <== on_path[i];
        side[i].s <== right[i];
        node[i] = Poseidon(2);
        node[i].inputs[0] <== side[i].out[0];
        node[i].inputs[1] <== side[i].out[1];
        on_path[i + 1] <== node[i].out;
    }
    root === on_path[levels];

    component once = Poseidon(2);
    once.inputs[0] <== signature[2];
    once.inputs[1] <== message;
    nullifier <== once.out;
}

component main { public [message, root] } = Member(6);
