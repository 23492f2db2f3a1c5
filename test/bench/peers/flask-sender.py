"""A sender as a first lesson on webhooks has it: each request to it makes one POST, and nothing is kept."""

import random
import sys
import time

import requests
from flask import Flask

app = Flask(__name__)
port, target = sys.argv[1:]


@app.route("/trigger", methods=["GET", "POST"])
def trigger():
    response = requests.post(target, json={"timestamp": int(time.time()), "value": random.randint(1, 100)})
    return f"Webhook sent, status: {response.status_code}"


app.run(port=int(port))
