"""Pipes: what crosses them, and how they end."""

import signal
from multiprocessing import Pipe, Process

from record import record, table_of, tell, tell_exit


def send(connection, actor, text):
    record(actor, "send", [text], lambda: connection.send(text))


def receive(connection, actor, kind="receive"):
    return record(actor, kind, [], connection.recv)


def poll(connection, kind, timeout):
    record("main", kind, [], lambda: connection.poll(timeout))


def line(actor, text):
    tell(actor, "line", text)


def send_and_receive(connection):
    line("child", "sends")
    send(connection, "child", "hello, parent")
    line("child", "receives")
    line("child", receive(connection, "child"))
    connection.close()


def started(target, *args):
    child = Process(target=target, name="child", args=args)
    child.start()
    return child


def end(child):
    child.join()
    tell_exit(child)


def duplex():
    first, second = Pipe()
    child = started(send_and_receive, second)
    line("main", "receives")
    line("main", receive(first, "main"))
    line("main", "sends")
    send(first, "main", "hello, child")
    end(child)
    line("main", "ends")


def send_one(connection):
    send(connection, "child", "one way")


def one_way():
    reader, writer = Pipe(duplex=False)
    child = started(send_one, writer)
    receive(reader, "main")
    end(child)
    record("main", "wrong send", [], lambda: reader.send("wrong"))
    record("main", "wrong receive", [], lambda: writer.poll(0))


def send_last(connection):
    send(connection, "child", "last")
    send(connection, "child", "")


def closed():
    first, second = Pipe()
    child = started(send_last, second)
    second.close()
    receive(first, "main")
    receive(first, "main")
    end(child)
    poll(first, "poll at the end", 0)
    receive(first, "main", "receive at the end")
    receive(first, "main", "receive at the end")
    record("main", "send at the end", [], lambda: first.send("too late"))


def send_and_wait(connection):
    send(connection, "child", "alive")
    while True:
        signal.pause()


def kept_end():
    first, second = Pipe()
    child = started(send_and_wait, second)
    receive(first, "main")
    poll(first, "poll before", 0)
    child.kill()
    end(child)
    poll(first, "poll after the death", 2)


SCENARIOS = table_of(duplex, one_way, closed, kept_end)
