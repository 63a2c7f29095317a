def write(*a):
    return "page"
