# Nothing of Windows in the shells.
{
  wsl.interop.includePath = false;
  wsl.wslConf.interop.appendWindowsPath = false;
  wsl.wslConf.automount.enabled = false;
}
