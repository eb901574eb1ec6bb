"""What the Hopsworks guide on creating a deployment has people paste."""

CONNECT = """
import hopsworks

project = hopsworks.login()

# get Hopsworks Model Registry handle
mr = project.get_model_registry()

# retrieve the trained model you want to deploy
my_model = mr.get_model("my_model", version=1)
"""

OPTION_A = """
my_deployment = my_model.deploy()
"""

OPTION_B_SERVING = """
# get Hopsworks Model Serving handle
ms = project.get_model_serving()
"""

OPTION_B_PREDICTOR = """
my_predictor = ms.create_predictor(my_model)
my_deployment = my_predictor.deploy()
"""

OPTION_B_DEPLOYMENT = """
my_deployment = ms.create_deployment(my_predictor)
my_deployment.save()
"""
