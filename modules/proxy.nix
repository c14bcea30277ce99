# wsl.proxy: the proxy of Windows' user for what WSL does not give it to.
{
  config,
  lib,
  utils,
  ...
}:

let
  cfg = config.wsl.proxy;
  file = "/run/nixos-wsl/proxy.env";
  variables = [
    "http_proxy"
    "HTTP_PROXY"
    "https_proxy"
    "HTTPS_PROXY"
    "no_proxy"
    "NO_PROXY"
  ];
  static = config.networking.proxy.envVars;
  sudoers = ''
    Defaults env_keep += "${toString variables}"
  '';
in
{
  options.wsl.proxy.fromWindows = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Whether Nix's daemon downloads by the proxy that Windows' user has: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` of
      Windows' environment, or else the proxy of Windows' settings. Windows is asked at each start, and by
      {command}`sudo systemctl restart nixos-wsl-proxy`. A proxy that a script on Windows computes (PAC) is not found.

      WSL itself gives Windows' proxy to its shells (`autoProxy` in {file}`.wslconfig`); with this option {command}`sudo`
      keeps it. Other services take it by
      {option}`systemd.services.<name>.serviceConfig.EnvironmentFile`, `"-/run/nixos-wsl/proxy.env"`.

      A proxy that is the same for all machines is {option}`networking.proxy.default`, without this option.
    '';
  };

  config = lib.mkIf (config.wsl.enable && cfg.fromWindows) {
    assertions = [
      {
        assertion = config.wsl.wslConf.interop.enabled;
        message = "wsl.proxy.fromWindows asks Windows' PowerShell: set wsl.wslConf.interop.enabled.";
      }
      {
        assertion = static == { };
        message = "wsl.proxy.fromWindows and networking.proxy both name a proxy: choose one.";
      }
    ];

    systemd.services.nixos-wsl-proxy = import ./lib/background.nix {
      description = "Ask Windows for its proxy";
      # With another proxy, who downloads goes on with the next connection; builds that run are not the daemon's own process.
      command = utils.escapeSystemdExecArgs (
        [
          (lib.getExe config.wsl.programs.nixos-wsl)
          "windows-proxy"
        ]
        ++ lib.optionals config.nix.enable [
          "--restart"
          "nix-daemon.service"
        ]
      );
    };
    systemd.services.nix-daemon = lib.mkIf config.nix.enable {
      serviceConfig.EnvironmentFile = "-${file}";
    };

    # Root's Nix asks no daemon.
    security.sudo.extraConfig = sudoers;
    security.sudo-rs.extraConfig = sudoers;
  };
}
