# Builder of a store path from what Nix computed: texts, programs (texts that can be run) and links, each by its name.
# `@out@` in a text stands for the store path itself.

source "${NIX_ATTRS_SH_FILE:-.attrs.sh}"
export PATH
out=${outputs[out]}

write() {
  mkdir -p "$out/$(dirname "$1")"
  printf '%s' "${2//@out@/$out}" > "$out/$1"
}
for name in "${!texts[@]}"; do write "$name" "${texts[$name]}"; done
for name in "${!programs[@]}"; do
  write "$name" "${programs[$name]}"
  chmod 0755 "$out/$name"
done
for name in "${!links[@]}"; do
  mkdir -p "$out/$(dirname "$name")"
  ln -s "${links[$name]}" "$out/$name"
done
