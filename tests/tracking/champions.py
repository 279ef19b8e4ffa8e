"""The tables of a comparison, without a report."""

from rnnbench.core.workspace import Workspace


def make_best(workspace: Workspace, name: str) -> None:
    """Write a comparison whose best and only variant is `name`."""
    (workspace.metrics / "comparison.csv").write_text(
        "corpus,evaluation_set,variant,role,replicates,parameters,target,accuracy_low,"
        f"accuracy_high\nimdb,1,{name},recurrent network,5,500,binary,0.4,0.6\n"
    )
    (workspace.metrics / "pairs.csv").write_text("measure,first,second,high\n")
