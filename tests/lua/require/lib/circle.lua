return require("lib/circle")
