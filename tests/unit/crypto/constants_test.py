#!/usr/bin/env python3
"""crypto/bn254/field/constants.h is what constants.py prints. White space is clang-format's, so it does not count here.

    constants_test.py FOLDER      the folder of both files
"""
import re
import subprocess
import sys


def tokens(text):
    return re.sub(r"[\s\\]+", "", text).replace(",}", "}")


folder = sys.argv[1]
printed = subprocess.run([sys.executable, folder + "/constants.py"], check=True, capture_output=True, text=True).stdout
with open(folder + "/constants.h") as file:
    committed = file.read()
if tokens(printed) != tokens(committed):
    sys.exit("constants.h differs from what constants.py prints; its first lines say how to make it again")
print("ok")
