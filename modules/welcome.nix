# wsl.welcome: a greeting at the first login.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl.welcome;

  # On the web where the project's place is known, else in the store: neither a network nor a name is needed there.
  github = builtins.match "github:([^/?]+/[^/?]+).*" (toString config.wsl.image.projectUrl);
  documentation =
    if github == null then "${../docs}" else "https://github.com/${lib.head github}/tree/HEAD/docs";
  command = pkgs.writeShellScriptBin "nixos-wsl-welcome" ''
    exec ${pkgs.coreutils}/bin/cat ${pkgs.writeText "nixos-wsl-welcome" cfg.text}
  '';
in
{
  options.wsl.welcome = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Whether a user's first login shell that WSL opens on a terminal shows {option}`wsl.welcome.text`. Once for each user; `nixos-wsl-welcome` shows it again.";
    };
    text = lib.mkOption {
      type = lib.types.lines;
      default = ''
        Welcome to NixOS on WSL.

        The system is described in /etc/nixos/${
          if config.wsl.image.config == "flake" then
            "configuration.nix, with its flake beside it"
          else
            "configuration.nix"
        }.
        Change it, then run `sudo nixos-rebuild switch`. What is there now needs no download.

        Documentation: ${documentation}
      '';
      defaultText = lib.literalMD "where the configuration is, how it is changed, where the documentation is";
      description = "The greeting.";
    };
  };

  config = lib.mkIf (config.wsl.enable && cfg.enable) {
    environment.systemPackages = [ command ];
    # The login that WSL keeps in the background for a user's session is on a terminal too, and nobody reads that one (W§5.3).
    # It lacks WSL's variables.
    environment.loginShellInit = ''
      if [ -t 1 ] && [ -n "$WSL_DISTRO_NAME" ] && [ -d "$HOME" ] && [ ! -e "$HOME/.local/state/nixos-wsl/welcomed" ]; then
        nixos-wsl-welcome
        mkdir -p "$HOME/.local/state/nixos-wsl" && : > "$HOME/.local/state/nixos-wsl/welcomed"
      fi
    '';
  };
}
