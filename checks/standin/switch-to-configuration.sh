# What NixOS' program of that name does, in short. $systemConfig is set before this text.

case ${1-} in
  boot | switch | test) ;;
  *)
    echo "usage: switch-to-configuration switch|boot|test" >&2
    exit 1
    ;;
esac
# The boot loader's installer.
[ "$1" = test ] || "$nixosWsl" prepare-start "$systemConfig"
[ "$1" != boot ] || exit 0

# Units that are the generation's own and no longer there, or not as they were.
units=etc/systemd/system
before=$(readlink -f /run/current-system)
stopped=() changed=()
for unit in "$before/$units"/*.{service,socket,timer}; do
  name=${unit##*/}
  [ ! -L "$unit" ] || continue
  if [ ! -e "$systemConfig/$units/$name" ]; then
    stopped+=("$name")
  elif [ "$(< "$unit")" != "$(< "$systemConfig/$units/$name")" ]; then
    changed+=("$name")
  fi
done
[ "${#stopped[@]}" = 0 ] || systemctl stop "${stopped[@]}"
echo "activating the configuration..." >&2
"$systemConfig/activate"
systemctl daemon-reload
systemctl restart standin.service
[ "${#changed[@]}" = 0 ] || systemctl try-restart "${changed[@]}"
systemctl start --no-block multi-user.target timers.target
