from chat_gateway.app import SERVICE
from common.cli import run

if __name__ == "__main__":
    run(SERVICE)
