# What the modules write for WSL and for this project's programs, as one JSON file. tests/modules/texts.rs has the programs' own
# parsers read it: `texts` of this derivation is the same without a build.
{ pkgs, lib', ... }:

let
  inherit (pkgs) lib;

  textsOf =
    { config, ... }:
    {
      files = config.wsl.files // {
        setEnvironment = config.system.build.setEnvironment.text;
      };
      # What writes shells into /etc/passwd.
      shells = {
        users = map (user: user.wslLoginShell) (
          lib.filter (user: user.enable && user.wslWrapShell) (lib.attrValues config.users.users)
        );
        useradd = config.environment.etc."default/useradd".source.text;
        permitted = config.environment.etc.shells.text;
      };
      spec = config.system.build.tarball.spec // {
        # Not the real one, which would have to be evaluated as a whole.
        profile = "${builtins.storeDir}/00000000000000000000000000000000-nixos-system";
      };
    };
  texts = lib.mapAttrs (_: textsOf) {
    inherit (lib'.systems) custom default everything;
  };
in
# Without context: the file is read, not run, and must not need a whole system built.
pkgs.writeText "modules.json" (builtins.unsafeDiscardStringContext (builtins.toJSON texts))
// {
  inherit texts;
}
