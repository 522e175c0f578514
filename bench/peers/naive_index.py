"""The peer of index_events: a plain loop over eth_getLogs into SQLite, without reorg handling. Prints events per second."""
import json
import sqlite3
import sys
import time
import urllib.request

url, path = sys.argv[1:3]


def call(method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))["result"]


database = sqlite3.connect(path)
database.executescript("pragma journal_mode=wal; create table event(block, log_index, tx, sender, receiver, value); create table account(address primary key, balance)")
start, count, head = time.time(), 0, int(call("eth_blockNumber"), 16)
for first in range(1, head + 1, 100):
    rows, changes = [], []
    for log in call("eth_getLogs", {"fromBlock": hex(first), "toBlock": hex(first + 99)}):
        sender, receiver, value = log["topics"][1], log["topics"][2], int(log["data"], 16)
        rows.append((int(log["blockNumber"], 16), int(log["logIndex"], 16), log["transactionHash"], sender, receiver, value))
        changes += [(sender, -value), (receiver, value)]
    with database:
        database.executemany("insert into event values(?,?,?,?,?,?)", rows)
        database.executemany("insert into account values(?,?) on conflict do update set balance=balance+excluded.balance", changes)
    count += len(rows)
print(count / (time.time() - start))
