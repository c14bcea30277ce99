# wsl.presets.agents gives coding agents what they need, each part can be overridden, and nothing of it is there without.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;
  inherit (lib') expect;

  preset = lib'.wsl [ { wsl.presets.agents = true; } ];
  overridden = lib'.wsl [
    {
      wsl.presets.agents = true;
      wsl.compat = "minimal";
      programs.nix-ld.enable = false;
      programs.git.enable = false;
      environment.localBinInPath = false;
      security.sudo-rs.enable = true;
    }
  ];
  toServices =
    config: file:
    lib.hasInfix "DefaultEnvironment=WSL_INTEROP=/run/WSL/1_interop" (
      config.environment.etc."systemd/${file}.conf.d/nixos-wsl.conf".text or ""
    );
  isPrepared = config: {
    names = config.wsl.compat == "full";
    nix-ld = config.programs.nix-ld.enable;
    git = config.programs.git.enable;
    home = config.environment.localBinInPath;
    services = toServices config "system" && toServices config "user";
    sudo = lib.hasInfix "WSL_INTEROP" (
      if config.security.sudo-rs.enable then
        config.security.sudo-rs.configFile
      else
        config.security.sudo.configFile
    );
  };
  lacks = config: lib.attrNames (lib.filterAttrs (_: is: !is) (isPrepared config));
  entries = lib'.entriesOf preset;
in
lib'.decide "agents" (
  map (part: "${part} is not prepared") (lacks preset.config)
  ++ map (message: "assertion: ${message}") (lib'.failedAssertions preset)
  ++ expect (preset.config.warnings == [ ]) "warnings: ${toString preset.config.warnings}"
  ++
    lib.concatMap
      (
        name:
        expect (
          entries ? "/bin/${name}" && entries ? "/usr/bin/${name}"
        ) "${name} is not in /bin and /usr/bin"
      )
      [
        "bash"
        "curl"
        "git"
        "ldd"
        "pgrep"
        "python3"
        "sh"
        "tar"
        "wget"
      ]
  ++ expect (
    lacks overridden.config == [
      "git"
      "home"
      "names"
      "nix-ld"
    ]
  ) "a part cannot be overridden"
  ++ map (part: "${part} is prepared without the preset") (
    lib.subtractLists (lacks lib'.default.config) [
      "git"
      "home"
      "names"
      "nix-ld"
      "services"
      "sudo"
    ]
  )
)
