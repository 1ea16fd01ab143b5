def update(*a): pass
