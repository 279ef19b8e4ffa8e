"""The tables of a comparison, without a report."""

from rnnbench.core.workspace import Workspace


def make_best(workspace: Workspace, name: str) -> None:
    """Write a comparison whose best and only variant is `name`."""
    (workspace.metrics / "comparison.csv").write_text(
        "corpus,evaluation_set,variant,role,replicates,parameters,target,accuracy_low,"
        "accuracy_high,verdict,loss_verdict,group\n"
        f"imdb,1,{name},recurrent network,5,500,binary,0.4,0.6,equivalent,,a\n"
    )
    (workspace.metrics / "pairs.csv").write_text("measure,first,second,high\n")
