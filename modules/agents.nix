# wsl.presets.agents: what coding agents need of the distribution that they run in.
{
  config,
  lib,
  ...
}:

let
  cfg = config.wsl;
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
      - `sudo` keeps the variables by which programs know WSL and start Windows programs.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.presets.agents) {
    wsl.compat = lib.mkDefault "full";
    programs.nix-ld.enable = lib.mkDefault true;
    programs.git.enable = lib.mkDefault true;
    environment.localBinInPath = lib.mkDefault true;
    security.sudo.extraConfig = ''
      Defaults env_keep += "WSLENV WSL_DISTRO_NAME WSL_INTEROP"
    '';
  };
}
