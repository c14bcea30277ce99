# The user that WSL opens shells for. There is none yet: the first start asks for a name and writes it here.
{ wsl.distribution.oobe.askForUser = true; }
