"""Peer of bench_analyser: Deequ's column profiler on Spark, run by an interpreter that has pyspark.

python benchmarks/peers/deequ.py FILE.csv REPORT.json --jar deequ.jar [--cores 2]
"""

import argparse
import json
import time
from pathlib import Path

from pyspark.sql import SparkSession


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--jar", type=Path, required=True)
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    spark = (
        SparkSession.builder.master(f"local[{options.cores}]")
        .config("spark.jars", str(options.jar))
        .config("spark.driver.memory", "8g")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    java = spark._jvm
    parameters = java.com.amazon.deequ.analyzers.KLLParameters(2048, 0.64, 10)
    # Neither the start of Spark nor of Java is counted.
    started = time.perf_counter()
    frame = spark.read.options(header="true", multiLine="true").csv(str(options.file))
    runner = java.com.amazon.deequ.profiles.ColumnProfilerRunner().onData(frame._jdf).withKLLProfiling()
    profiles = runner.setKLLParameters(java.scala.Option.apply(parameters)).run().profiles()
    text = java.com.amazon.deequ.profiles.ColumnProfiles.toJson(profiles.values().toSeq())
    seconds = time.perf_counter() - started
    options.report.write_text(json.dumps({"seconds": seconds, "spark": spark.version, "profiles": json.loads(text)}))


if __name__ == "__main__":
    main()
