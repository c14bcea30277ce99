# One more system in the same generation, and a container with one of its own.
{ lib, ... }:
{
  specialisation.plain.configuration = {
    wsl.startMenuLaunchers = lib.mkForce false;
    environment.etc."plain".text = "";
  };
  wsl.startMenuLaunchers = true;
}
