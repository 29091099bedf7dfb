"""The API's own domain name: certificate, TLS, and the records that answer with its addresses."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from infra.config import DomainConfig


class ApiDomain(Construct):
    """A domain name of the hosted zone at which an API answers, without its stage in the path."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        domain: DomainConfig,
        api: apigateway.RestApi,
    ):
        super().__init__(scope, construct_id)
        # By its attributes: a lookup would need credentials to synthesise.
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=domain.zone_id, zone_name=domain.zone_name
        )
        certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=domain.name,
            validation=acm.CertificateValidation.from_dns(zone),
        )
        name = apigateway.DomainName(
            self,
            "Name",
            domain_name=domain.name,
            certificate=certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        resource = name.node.default_child
        assert isinstance(resource, apigateway.CfnDomainName)  # noqa: S101 - narrows the type
        # By default a name answers over IPv4 alone, and the second record below with nothing.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-custom-domain-ip-address-type.html
        resource.endpoint_configuration = apigateway.CfnDomainName.EndpointConfigurationProperty(
            types=["REGIONAL"], ip_address_type="dualstack"
        )
        name.add_base_path_mapping(api)
        target = route53.RecordTarget.from_alias(targets.ApiGatewayDomain(name))
        for kind in (route53.ARecord, route53.AaaaRecord):
            kind(self, kind.__name__, zone=zone, record_name=f"{domain.name}.", target=target)
