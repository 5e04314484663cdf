curve
    public-key = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7
