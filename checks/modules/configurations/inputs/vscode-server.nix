# nixos-vscode-server's module as others see it: a service of the user's that mends what the editor downloads.
{
  config,
  lib,
  pkgs,
  ...
}:

{
  options.services.vscode-server = {
    enable = lib.mkEnableOption "VS Code Server";
    enableFHS = lib.mkEnableOption "a root as other systems have it";
    nodejsPackage = lib.mkOption {
      type = lib.types.nullOr lib.types.package;
      default = null;
    };
  };
  config = lib.mkIf config.services.vscode-server.enable {
    systemd.user.services.auto-fix-vscode-server = {
      wantedBy = [ "default.target" ];
      serviceConfig = {
        Restart = "always";
        ExecStart = "${pkgs.writeShellScript "auto-fix" "exec ${pkgs.inotify-tools}/bin/inotifywait ~/.vscode-server"}";
      };
    };
  };
}
