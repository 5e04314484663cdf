#   ****  Generated on 2026-11-22 by CZMQ  ****
#   ZeroMQ CURVE **Secret** Certificate

metadata
    name = "x"
curve
    public-key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    secret-key = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
