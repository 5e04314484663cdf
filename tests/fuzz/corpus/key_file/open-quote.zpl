curve
    public-key = "abc