# wsl.docker-desktop: what Docker Desktop expects of a distribution that it is switched on for.
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
  imports = [
    (lib.mkRenamedOptionModule
      [
        "wsl"
        "docker"
      ]
      [
        "wsl"
        "docker-desktop"
      ]
    )
  ];

  options.wsl.docker-desktop.enable = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Whether to prepare for Docker Desktop's WSL integration: the group `docker` with the default user, and the
      programs that its set-up runs in {file}`/bin`. Switch the integration on in Docker Desktop itself.

      For Docker inside the distribution set {option}`virtualisation.docker.enable` instead.
    '';
  };

  config = lib.mkIf (cfg.enable && cfg.docker-desktop.enable) {
    # `docker compose` opens docker-desktop:// links.
    environment.systemPackages = [ pkgs.xdg-utils ];

    wsl.featureBin =
      lib.genAttrs [ "groupadd" "usermod" ] (link pkgs.shadow)
      // lib.genAttrs [ "cat" "install" "mv" "whoami" ] (link pkgs.coreutils);

    users.groups.docker.members = lib.mkIf (!cfg.distribution.oobe.askForUser) [
      config.users.users.${cfg.defaultUser}.name
    ];
  };
}
