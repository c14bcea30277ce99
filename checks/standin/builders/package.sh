# Builder of one store path from Debian packages: unpack, one prefix for all, programs that need nothing outside the store.
# In: $debs (files), $deps (store paths that hold libraries and programs), $without (patterns of tar), $finish (commands),
# $out.

tree=$PWD/tree
mkdir -p "$tree" "$out"
excluded=()
for pattern in $without; do excluded+=("--exclude=$pattern"); done
for deb in $debs; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --no-same-owner --no-same-permissions \
    --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/lintian' \
    --exclude='./usr/lib/*/gconv' --exclude='./usr/share/bug' --exclude='./usr/share/bash-completion' --exclude='./usr/share/zsh' --exclude='./usr/share/info' \
    "${excluded[@]}"
done

# /usr and / become one prefix, and sbin is bin, as in every NixOS package. The lib64 link to the loader goes: programs
# name it by its place in the store.
place() { [ ! -d "$tree/$1" ] || { mkdir -p "$out/$2" && cp -a "$tree/$1/." "$out/$2/"; }; }
for prefix in usr .; do
  for directory in bin sbin; do place $prefix/$directory bin; done
  for directory in lib libexec share; do place $prefix/$directory $directory; done
done
place etc etc
chmod -R u+w "$out"

# Where a path of the unpacked tree is now, in this package or in one it depends on.
resolve() {
  local path=${1#/} prefix
  path=${path#usr/}
  path=${path/#sbin\//bin/}
  for prefix in "$out" $deps; do
    if [ -e "$prefix/$path" ]; then echo "$prefix/$path"; return; fi
  done
}
while read -r link; do
  target=$(readlink "$link")
  if [[ $target = /* ]]; then
    target=$(resolve "$target")
    [ -z "$target" ] || ln -sfn "$target" "$link"
  fi
done < <(find "$out" -type l)
find "$out" -xtype l -delete

# Libraries by DT_RPATH, which also serves what a library opens later by name (PAM modules, libsystemd-shared).
rpath=
for prefix in "$out" $deps; do
  for directory in "$prefix"/lib/*-linux-gnu "$prefix"/lib/*-linux-gnu/systemd "$prefix"/lib/nix "$prefix"/libexec/sudo; do
    [ ! -d "$directory" ] || rpath=$rpath${rpath:+:}$directory
  done
done
loader=$(for prefix in "$out" $deps; do find "$prefix/lib" -name 'ld-linux*' 2>/dev/null; done | head -n1)
while read -r file; do
  [ "$(head -c4 "$file" | tr -d '\0')" = $'\x7fELF' ] || continue
  case ${file##*/} in ld-linux* | libc.so.* | *.o) continue ;; esac
  patchelf --force-rpath --set-rpath "$rpath" "$file"
  if patchelf --print-interpreter "$file" >/dev/null 2>&1; then patchelf --set-interpreter "$loader" "$file"; fi
  # This machine's loader is not asked: its C library may be older.
  if { "$loader" --list "$file" 2>&1 || true; } | grep 'not found'; then
    echo "$file: a library it needs is in no package of the list" >&2
    exit 1
  fi
done < <(find "$out" -type f)

# Scripts, units and D-Bus files name programs by their place in Debian, or by name alone.
{
  for prefix in "$out" $deps; do
    for program in "$prefix"/bin/[a-zA-Z]*; do
      [ -e "$program" ] || continue
      echo "s#(^|[^a-zA-Z0-9/._-])(/usr)?/s?bin/${program##*/}(\$|[^a-zA-Z0-9._-])#\\1$program\\3#g"
      echo "s#^(Exec[A-Za-z]*=[-@:+!]*)${program##*/}(\$| )#\\1$program\\2#"
    done
  done
  echo "s#(^|[^a-zA-Z0-9/._-])(/usr)?/lib/(systemd/systemd|dbus-1\.0/)#\\1$out/lib/\\3#g"
} > "$PWD/rules"
while read -r file; do
  if grep -qI '' "$file"; then sed -E -i -f "$PWD/rules" "$file"; fi
done < <(find "$out/lib/systemd" "$out/share/dbus-1" "$out/bin" -type f 2>/dev/null)

eval "$finish"
