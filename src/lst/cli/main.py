"""`lst <verb> ...`: picks the verb, turns errors that users can cause into one readable message.

Verbs import what they need inside, so `lst prepare` and `lst results` do not wait for torch.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence

from lst import __version__
from lst.cli import (
    bench_verbs,
    by_text_verbs,
    check_verbs,
    data_verbs,
    describe_verbs,
    exchange_verbs,
    info_verbs,
    model_verbs,
    predict_verbs,
    run_verbs,
    show_verbs,
    study_verbs,
    text_verbs,
    train_verb,
)
from lst.cli.fault import FAULT, fault_of_lst
from lst.cli.options import plain_options
from lst.cli.trouble import explain, stopped
from lst.facts.choices import choose
from lst.facts.shown import printable

VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    "prepare": data_verbs.prepare,
    "synthesize": data_verbs.synthesize,
    "info": info_verbs.info,
    "check": check_verbs.check,
    "export-data": exchange_verbs.export_data,
    "import-data": exchange_verbs.import_data,
    "models": model_verbs.models,
    "train": train_verb.train,
    "test": run_verbs.test,
    "predict": predict_verbs.predict,
    "ensemble": run_verbs.ensemble,
    "reproduce": run_verbs.reproduce,
    "demo": run_verbs.demo,
    "results": show_verbs.results,
    "import-checkpoint": show_verbs.import_checkpoint,
    "describe": describe_verbs.describe,
    "embed": text_verbs.embed,
    "classify-by-text": by_text_verbs.classify_by_text,
    "study": study_verbs.study,
    "bench": bench_verbs.bench,
}

HELP = """lst {version}: language supervised training for skeleton-based action recognition

  lst prepare nw-ucla all_sqe.zip     raw files -> a store in data/nw-ucla
  lst prepare ntu120 FOLDER FOLDER    NTU RGB+D 60 or 120, folders or zips
  lst prepare own clips/ --out data/mine                your own recordings, a folder per class or --labels
  lst check data/mine                 a store before training: counts, gaps, swaps, copies, a picture
  lst synthesize ntu60 FOLDER         raw files in NTU's format of generated figures, no recordings
  lst info data/nw-ucla               what is in a store, or in a run
  lst export-data data/ntu60 ntu60-xsub NTU60_CS.npz    for other repositories
  lst import-data ntu120_3danno.pkl data/ntu120         from other repositories: pyskl's .pkl, CTR-GCN's .npz
  lst models                          the encoders: size, operations, published figures
  lst train nw-ucla-joint             train one stream (`lst train` lists the recipes)
  lst train data/mine                 train on your own clips
  lst test runs/nw-ucla-joint         metrics, scores, confusion matrix, accuracy per class
  lst predict runs/mine new/ -o answers.csv             names and probabilities for new clips (--why: reasons)
  lst ensemble RUN RUN ...            add up streams by clip id
  lst reproduce nw-ucla --seeds 3     all streams and seeds, ensembles, table beside the published numbers
  lst study text nw-ucla --seeds 3    what is language worth? variants and controls, paired by seed
  lst results                         every finished run, one line each
  lst demo                            all of it on built-in synthetic clips, in minutes
  lst import-checkpoint official.pt --benchmark ntu120-xsub --modality joint
                                      read a checkpoint of GAP or CTR-GCN without running its code
  lst describe actions.txt --llm openai:gpt-4.1-mini -o my.json
                                      descriptions by any LLM behind an OpenAI-compatible server
  lst describe --check FILE.json      what is wrong with a description file
  lst embed FILE.json                 text vectors of a description file; --text-encoder names another encoder
  lst classify-by-text RUN --actions "wave, sit down, throw a ball"
                                      clips of a run beside any texts, without its class head
  lst study zero-shot nw-ucla-clean   train without some classes, recognise them by their texts
  lst bench                           speed of the encoder beside its plain form
  lst bench encoders                  speed of every encoder beside CTR-GCN
  lst bench prepare                   speed and memory of preparing NTU RGB+D, on synthetic files
  lst bench input                     speed from a store to augmented batches, beside the encoder
  lst bench texts                     speed of a text encoder that is trained along
  lst bench busy                      speed of training on a machine that is busy with something else

`lst <verb> --help` shows the options of a verb."""


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; the return value is the exit status: 0 done, 1 problems found, 2 error, 70 a fault of
    lst itself, 130 stopped. `LST_DEBUG=1` shows the traceback of any error."""
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help", "help"):
        print(HELP.format(version=__version__))
        return 0
    if words[0] in ("-V", "--version"):
        print(f"lst {__version__}")
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("lst").setLevel(logging.INFO)  # other libraries tell of trouble only
    try:
        verb = choose("verb", words[0], VERBS)
        with plain_options():
            verb(words[1:])
    except KeyboardInterrupt as error:
        print(f"\nlst: {stopped(error, words)}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader has enough: `lst results | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return 0
    except Exception as error:
        if os.environ.get("LST_DEBUG"):
            raise
        message = explain(error, words)
        text = fault_of_lst(error, words) if message is None else message
        lines = [printable(line) for line in text.split("\n")]  # names from files may hold anything
        print("lst: " + "\n".join(lines), file=sys.stderr)
        return FAULT if message is None else 2
    return 0
