local function no(
