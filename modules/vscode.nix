# wsl.vscode: what remote editors need of the distribution they put their server into.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.wsl;
  link = package: name: { src = "${lib.getBin package}/bin/${name}"; };
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
    ]
    ++ lib.optional cfg.useWindowsDriver cfg.wslLib;

    wsl.compatBin = true;
    wsl.extraBin = [
      (link pkgs.curl "curl")
      (link pkgs.gitMinimal "git")
      (link pkgs.unzip "unzip")
      (link pkgs.wget "wget")
      (link pkgs.xz "xz")
      (link pkgs.getent "getent")
    ];
  };
}
