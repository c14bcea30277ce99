# A service that runs once at each start, when the start is over: WSL asks whether all jobs are done before it opens the first
# shell (W§5.2), and nobody is to wait for this one.
{ description, command }:

{
  inherit description;
  wantedBy = [ "multi-user.target" ];
  after = [ "multi-user.target" ];
  # A start has been soon enough.
  restartIfChanged = false;
  serviceConfig = {
    # With `exec` its job is done as soon as the program runs.
    Type = "exec";
    ExecStart = command;
  };
}
