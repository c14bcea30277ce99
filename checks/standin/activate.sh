# What NixOS' activation does, in short: /run/current-system, /etc, setuid wrappers, the files WSL calls. Like there, a step
# that fails does not stop the rest, and the exit code says that one failed. $systemConfig is set before this text.

status=0
trap 'status=1; echo "activation: a step failed near line $LINENO" >&2' ERR
umask 0022
echo "activating $systemConfig"

# NixOS' specialfs, which makes a /sys that is read-only writable: nothing of it may be the machine's.
if mountpoint -q /sys; then mount -n -t sysfs -o remount,nosuid,noexec,nodev sysfs /sys; fi

mkdir -p /run /var/empty /var/lib /var/log /var/cache /etc
sleep "$activationDelay"

# systemd and dbus of Debian look for some of their parts here; the directories themselves stay WSL's (W§11.11).
mkdir -p /lib /usr/lib /usr/share
ln -sfn "$systemdHelpers" /lib/systemd
[ -e /var/run ] || ln -s ../run /var/run

# /etc: every file of the generation becomes a link through /etc/static, links of older generations go.
ln -sfn "$systemConfig/etc" /etc/static
# By one process for each folder, as NixOS does it all in one: what is right already is left, what is not there comes first.
declare -A missing
while read -r name; do
  [[ $name != sudoers && $name != wsl.conf ]] || continue
  folder=/etc/$name folder=${folder%/*}
  if [ ! -e "/etc/$name" ] && [ ! -L "/etc/$name" ]; then
    missing[$folder]+=" /etc/static/$name"
  elif [ ! -L "/etc/$name" ] || [ ! "/etc/$name" -ef "/etc/static/$name" ]; then
    ln -sfn "/etc/static/$name" "/etc/.$$.tmp" && mv -Tf "/etc/.$$.tmp" "/etc/$name"
  fi
done < <(cd /etc/static/ && find . -mindepth 1 \( -type l -o -type f \) -printf '%P\n')
[ "${#missing[@]}" = 0 ] || mkdir -p "${!missing[@]}"
# Without quotes: store names hold no spaces.
for folder in "${!missing[@]}"; do ln -s -t "$folder" ${missing[$folder]}; done
find /etc -path /etc/static -prune -o -lname '/etc/static/*' -xtype l -exec rm -f {} +
install -m 0440 "$systemConfig/etc/sudoers" "/etc/.$$.tmp" && mv -Tf "/etc/.$$.tmp" /etc/sudoers

# Before the users, whose shells must be there when /etc/passwd names them.
"$nixosWsl" apply "$systemConfig/nixos-wsl/root.json"

# Accounts stay as they are; ones this generation adds are appended.
for file in passwd group; do
  present=$'\n'$(< "/etc/$file")
  while IFS= read -r line; do
    [[ $present != *$'\n'"${line%%:*}:"* ]] || continue
    echo "$line" >> "/etc/$file"
    IFS=: read -r name _ uid gid _ home _ <<< "$line"
    [[ $file != passwd || $home != /home/* ]] || install -d -o "$uid" -g "$gid" -m 0700 "$home"
    [ "$file" != passwd ] || echo "$name:!:1::::::" >> /etc/shadow
  done < "$accounts/$file"
done
# But for their shells, where those are declared.
if [ -e "$accounts/login-shells" ]; then
  declare -A declared
  while read -r name shell; do declared[$name]=$shell; done < "$accounts/login-shells"
  while IFS= read -r line; do
    shell=${declared[${line%%:*}]-}
    echo "${shell:+${line%:*}:}${shell:-$line}"
  done < /etc/passwd > "/etc/.$$.tmp"
  mv -Tf "/etc/.$$.tmp" /etc/passwd
fi

# Users without a number get the first free one, as from NixOS' update-users-groups.pl.
while read -r name gid home shell; do
  present=$'\n'$(< /etc/passwd)
  [[ $present != *$'\n'"$name:"* ]] || continue
  uid=1000
  while [[ $present = *$'\n'*:x:"$uid":* ]]; do uid=$((uid + 1)); done
  mkdir -p "$home" && chown "$uid:$gid" "$home" && chmod 0700 "$home"
  echo "$name:!:1::::::" >> /etc/shadow
  echo "$name:x:$uid:$gid::$home:$shell" >> /etc/passwd
done < "$accounts/users-without-number"

# Programs that run as root for others. /run may be mounted nosuid (W§4.2), and the store holds no such bits.
mkdir -p /run/wrappers
mountpoint -q /run/wrappers || mount -t tmpfs -o nodev,mode=755 tmpfs /run/wrappers
wrappers=$(mktemp -d /run/wrappers/wrappers.XXXXXX)
chmod 0755 "$wrappers"
for program in $setuidPrograms; do install -m 4755 "$program" "$wrappers/${program##*/}"; done
old=$(readlink /run/wrappers/bin || true)
ln -sfn "$wrappers" /run/wrappers/.bin && mv -Tf /run/wrappers/.bin /run/wrappers/bin
[ -z "$old" ] || rm -rf "$old"

if [ "$activationFails" = 1 ]; then
  echo "activation: this generation fails on purpose" >&2
  status=1
fi

ln -sfn "$systemConfig" /run/.current-system && mv -Tf /run/.current-system /run/current-system
[ -e /run/booted-system ] || ln -s "$systemConfig" /run/booted-system
if [ -n "$hostName" ]; then
  hostname "$hostName"
  "$nixosWsl" prepare-start
fi
exit "$status"
