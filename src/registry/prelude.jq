# What jq 1.7 has and the engine lacks or does otherwise. Loaded before every program.
def leaf_paths: paths(scalars);
def IN(s): any(s == .; .);
def IN(src; s): any(src == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def ltrimstr($s): if isstring and ($s | isstring) and startswith($s) then .[$s | length:] end;
def rtrimstr($s): if isstring and ($s | isstring) and ($s | length) > 0 and endswith($s) then .[:-($s | length)] end;
def tonumber: if . == "" then error("cannot parse as number") else totype(isnumber; error("cannot parse as number")) end;
def setpath($path; $value):
  def put($p): if $p == [] then $value
    else $p[0] as $k
    | if . == null and ($k | isnumber) then [] elif . == null and ($k | isstring) then {} end
    | if isarray and ($k | isnumber) and $k >= length then . + [range($k - length) | null] + [null | put($p[1:])]
      else .[$k] |= put($p[1:]) end
    end;
  put($path);
def delpaths($paths):
  def cut($p): if . == null then .
    elif $p == [] then null
    else $p[0] as $k
    | if $p[1:] != [] then (if .[$k] == null then . else .[$k] |= cut($p[1:]) end)
      elif isarray and ($k | isnumber) and ($k >= length or $k < - length) then .
      else .[$k] |= empty end
    end;
  reduce ($paths | sort | reverse[]) as $path (.; cut($path));
def del(f): delpaths([path(f)]);
def tostream: path(def rec: (.[]? | rec), .; rec) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f): {x: null, e: false} as $init
  | foreach f as $i ($init;
      if .e then $init else . end
      | if $i | length == 2
        then setpath(["e"]; $i[0] | length == 0) | setpath(["x"] + $i[0]; $i[1])
        else setpath(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | if (.[0] | length) > $n then .[0] |= .[$n:] else empty end;
def _row(text; $sep): if isarray then [.[] | if isstring then text elif . == null then "" elif isnumber or isboolean then tostring else error("cannot be in a row") end] | join($sep) else error("only an array can be a row") end;
def @csv: _row("\"" + gsub("\""; "\"\"") + "\""; ",");
def @tsv: _row(gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r"); "\t");
