# plain(NAME): a symbol of Rust's without what changes with the compiler: the hashes of crates (Cs…_), and, at the end of a generic function's, the crate that it
# was compiled for first (Cs…_, the length of its name, its name).
function plain(name, rest, digits, tail) {
  for (rest = name; match(rest, /Cs[0-9A-Za-z]+_[0-9]+/); rest = substr(rest, RSTART + 2)) {
    digits = substr(rest, RSTART, RLENGTH)
    sub(/.*_/, "", digits)
    tail = substr(rest, RSTART + RLENGTH)
    if (length(tail) == digits + 0) {
      name = substr(name, 1, length(name) - length(rest) + RSTART - 1)
      break
    }
  }
  gsub(/Cs[0-9A-Za-z]+_/, "", name)
  return name
}
