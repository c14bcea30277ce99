# What NixOS' program of that name does, in short. $systemConfig is set before this text.

case ${1-} in
  boot) exit 0 ;;
  switch | test) ;;
  *)
    echo "usage: switch-to-configuration switch|boot|test" >&2
    exit 1
    ;;
esac
"$systemConfig/activate"
systemctl daemon-reload
systemctl restart standin.service
systemctl start --no-block multi-user.target
