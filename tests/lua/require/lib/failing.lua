
error("not today")
