# wsl.presets.agents: what coding agents need of the distribution that they run in.
{
  config,
  lib,
  ...
}:

let
  cfg = config.wsl;

  sudoers = ''
    Defaults env_keep += "WSLENV WSL_DISTRO_NAME WSL_INTEROP"
  '';

  # For all units, beside what the configuration itself gives them. The distribution's name reaches no unit: WSL hands it to
  # shells alone (W§5.1, W§6.3).
  units.text = ''
    [Manager]
    DefaultEnvironment=WSL_INTEROP=/run/WSL/1_interop
  '';
in
{
  options.wsl.presets.agents = lib.mkOption {
    type = lib.types.bool;
    default = false;
    example = true;
    description = ''
      Whether to prepare for coding agents: programs that are made for other Linux systems, install themselves into the
      home, and call others by path or with a `PATH` of a few folders. Each setting can be overridden:

      - {option}`wsl.compat` is `"full"`, so that `git`, `python3`, `wget` and others are in {file}`/bin` and
        {file}`/usr/bin`;
      - {option}`programs.nix-ld.enable`, so that their binaries and those that they fetch start;
      - {option}`programs.git.enable`;
      - {option}`environment.localBinInPath`, because their installers write to {file}`~/.local/bin`;
      - `sudo` and `sudo-rs` keep the variables by which programs know WSL and start Windows programs (`WSL_INTEROP`,
        `WSL_DISTRO_NAME`, `WSLENV`);
      - services of the system and of users have `WSL_INTEROP`, which names WSL's socket for them. They do not have
        `WSL_DISTRO_NAME`, because WSL tells it to shells alone.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.presets.agents) {
    wsl.compat = lib.mkDefault "full";
    programs.nix-ld.enable = lib.mkDefault true;
    programs.git.enable = lib.mkDefault true;
    environment.localBinInPath = lib.mkDefault true;
    security.sudo.extraConfig = sudoers;
    security.sudo-rs.extraConfig = sudoers;
    # WSL makes the socket where it starts systemd.
    environment.etc = lib.mkIf (cfg.systemd.mode == "native") {
      "systemd/system.conf.d/nixos-wsl.conf" = units;
      "systemd/user.conf.d/nixos-wsl.conf" = units;
    };
  };
}
