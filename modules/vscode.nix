# wsl.vscode: what remote editors need of the distribution they put their server into.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  link = package: name: { target = "${lib.getBin package}/bin/${name}"; };
in
{
  options.wsl.vscode.enable = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Whether to prepare for the WSL modes of VS Code, JetBrains' editors and Zed. They copy programs for other Linux
      systems into the distribution and start them without a login shell: nix-ld lets those run, and the tools that
      their scripts call are in {file}`/bin`.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.vscode.enable) {
    programs.nix-ld.enable = true;
    programs.nix-ld.libraries = [
      pkgs.icu
      pkgs.libsecret
      pkgs.fontconfig
      pkgs.freetype
    ];

    wsl.featureBin = lib.mapAttrs (name: package: link package name) {
      curl = pkgs.curl;
      getent = pkgs.getent;
      git = pkgs.gitMinimal;
      unzip = pkgs.unzip;
      wget = pkgs.wget;
      xz = pkgs.xz;
    };
  };
}
