# What NixOS' activation does, in short: /run/current-system, /etc, setuid wrappers, the files WSL calls. Like there, a step
# that fails does not stop the rest, and the exit code says that one failed. $systemConfig is set before this text.

status=0
trap 'status=1; echo "activation: a step failed near line $LINENO" >&2' ERR
umask 0022
echo "activating $systemConfig"

mkdir -p /run /var/empty /var/lib /var/log /var/cache /etc
sleep "$activationDelay"

# systemd and dbus of Debian look for some of their parts here; the directories themselves stay WSL's (W§11.11).
mkdir -p /lib /usr/lib /usr/share
ln -sfn "$systemdHelpers" /lib/systemd
[ -e /var/run ] || ln -s ../run /var/run

# /etc: every file of the generation becomes a link through /etc/static, links of older generations go.
ln -sfn "$systemConfig/etc" /etc/static
(cd /etc/static/ && find . -mindepth 1 \( -type l -o -type f \) -printf '%P\n') | while read -r name; do
  [ "$name" != sudoers ] || continue
  mkdir -p "/etc/$(dirname "$name")"
  ln -sfn "/etc/static/$name" "/etc/.$$.tmp" && mv -Tf "/etc/.$$.tmp" "/etc/$name"
done
find /etc -path /etc/static -prune -o -type l -lname '/etc/static/*' ! -exec test -e {} \; -print | while read -r name; do
  rm -f "$name"
done
install -m 0440 "$systemConfig/etc/sudoers" "/etc/.$$.tmp" && mv -Tf "/etc/.$$.tmp" /etc/sudoers

# Accounts stay as they are; ones this generation adds are appended.
while IFS= read -r line; do
  grep -q "^${line%%:*}:" /etc/passwd || echo "$line" >> /etc/passwd
done < "$accounts/passwd"
while IFS= read -r line; do
  grep -q "^${line%%:*}:" /etc/group || echo "$line" >> /etc/group
done < "$accounts/group"

# Programs that run as root for others. /run may be mounted nosuid (W§4.2), and the store holds no such bits.
mkdir -p /run/wrappers
mountpoint -q /run/wrappers || mount -t tmpfs -o nodev,mode=755 tmpfs /run/wrappers
wrappers=$(mktemp -d /run/wrappers/wrappers.XXXXXX)
chmod 0755 "$wrappers"
for program in $setuidPrograms; do install -m 4755 "$program" "$wrappers/${program##*/}"; done
old=$(readlink /run/wrappers/bin || true)
ln -sfn "$wrappers" /run/wrappers/.bin && mv -Tf /run/wrappers/.bin /run/wrappers/bin
[ -z "$old" ] || rm -rf "$old"

"$nixosWsl" apply "$systemConfig/nixos-wsl/root.json"

if [ "$activationFails" = 1 ]; then
  echo "activation: this generation fails on purpose" >&2
  status=1
fi

ln -sfn "$systemConfig" /run/.current-system && mv -Tf /run/.current-system /run/current-system
[ -e /run/booted-system ] || ln -s "$systemConfig" /run/booted-system
exit "$status"
