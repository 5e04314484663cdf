# cmake -DHELP= -DPAGE= -DNAME= -DSECTION= -DVERSION= -P manual.cmake: a manual page around what a program says of itself.
set(of_provost-broker "keeps a queue of proofs to make, and hands them to the provers that dial in"
  "/etc/provost/broker.yaml holds its settings, /etc/provost/authorized_keys.yaml says which key may do what, /etc/provost/broker.key is its own key, and /var/lib/provost what survives a restart. HUP reads settings and keys again."
  "0 ended as it was told to; 1 failure (disk, store); 2 usage or settings; 4 a key file that is not usable.")
set(of_provost-prover "proves, and takes tasks from a broker"
  "/etc/provost/prover.yaml holds the settings of a node, /etc/provost/node.key is its own key, /srv/provost/circuits has the keys of circuits, and /var/lib/provost-prover what survives a restart. TERM drains, a second TERM hands back, HUP reads circuits and keys again."
  "0 ok; 1 failure (disk, device); 2 usage; 3 not found; 8 invalid input (a file or a witness); 9 a proof does not verify; 10 out of memory; 130 interrupted.")
list(GET of_${NAME} 0 what)
list(GET of_${NAME} 1 files)
list(GET of_${NAME} 2 status)
file(READ ${HELP} help)
string(REPLACE "provost-prover-node" "provost-prover run" help "${help}") # what `run` becomes
foreach(text help what files status)
  string(REPLACE "\\" "\\e" ${text} "${${text}}")
  string(REPLACE "-" "\\-" ${text} "${${text}}")
  string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" ${text} "${${text}}")
endforeach()
string(REPLACE "-" "\\-" name ${NAME})
string(TOUPPER ${NAME} title)
file(WRITE ${PAGE} ".TH ${title} ${SECTION} \"\" \"provost ${VERSION}\" \"System Administration\"
.SH NAME
${name} \\- ${what}
.SH SYNOPSIS
.nf
${help}.fi
.SH FILES
${files}
.SH EXIT STATUS
${status}
.SH SEE ALSO
.BR provost (1)
")
