# The first start: what asks for the user, and the file in /etc/nixos that takes the answer. `nixos-wsl oobe` knows both
# paths and the setting. Builtins only, no nixpkgs: the stand-in has the same.
let
  inherit (import ./entries.nix) text;
in
rec {
  # Where the official validator expects it (W§8.1).
  path = "/usr/lib/wsl/oobe";
  entry = text path "0755" 0 "#!/bin/nixos-wsl oobe\n";

  # The configuration imports it from the first day on, so that an answer needs no second change.
  userNix = text "/etc/nixos/user.nix" "0644" 0 ''
    # The user that WSL opens shells for. There is none yet: the first start asks for a name and writes it here.
    { wsl.distribution.oobe.askForUser = true; }
  '';
}
