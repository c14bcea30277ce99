# `nix flake init -t .#default`.
{
  inherit (import ../../../templates/default/flake.nix) outputs;
  holds = config: {
    "the user is the template's" =
      config.wsl.defaultUser == "alice" && config.users.users.alice.isNormalUser;
    "the image has the template's files in /etc/nixos" =
      builtins.attrNames (builtins.readDir config.wsl.image.configPath) == [
        "configuration.nix"
        "flake.nix"
      ];
  };
}
