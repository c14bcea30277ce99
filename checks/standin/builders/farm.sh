# Builder of a directory of links: all that $globs match, linked into $out/$directory. The first of a name stays.

shopt -s nullglob
mkdir -p "$out/$directory"
for source in $globs; do
  name=$out/$directory/${source##*/}
  [ -e "$name" ] || ln -s "$source" "$name"
done
