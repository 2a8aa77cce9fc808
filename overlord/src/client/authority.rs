//! The overlord's authority, and the move from one to another.

use wire::message::authority::{AuthorityReply, AuthorityRequest, AuthorityStatus};
use wire::message::operator::{OperatorReply, OperatorRequest};
use wire::message::version::Version;

use super::{Client, ClientError};

impl Client {
    /// Which authorities there are, and who has certificates of them.
    ///
    /// # Errors
    /// As for [`Client`], and [`ClientError::OlderOverlord`] where the overlord knows of no moves. So it is for all requests about
    /// authorities.
    pub async fn authorities(&self) -> Result<AuthorityStatus, ClientError> {
        self.change_authority(AuthorityRequest::Status).await
    }

    /// Begins the move to a new authority.
    ///
    /// # Errors
    /// As for [`Client::authorities`]; of kind `Busy` where a move is under way.
    pub async fn rotate_authority(&self) -> Result<AuthorityStatus, ClientError> {
        self.change_authority(AuthorityRequest::Rotate).await
    }

    /// Ends the move. Those who still need the authority that is let go of, and are not named here, keep it from ending.
    ///
    /// # Errors
    /// As for [`Client::authorities`]; of kind `BadRequest` where somebody needs it, or there is no move.
    pub async fn finish_rotation(
        &self,
        leave_behind: Vec<String>,
        force: bool,
    ) -> Result<AuthorityStatus, ClientError> {
        self.change_authority(AuthorityRequest::Finish { leave_behind, force }).await
    }

    /// Goes back to the authority before the move.
    ///
    /// # Errors
    /// As for [`Client::authorities`]; of kind `BadRequest` where there is no move.
    pub async fn take_rotation_back(&self) -> Result<AuthorityStatus, ClientError> {
        self.change_authority(AuthorityRequest::Back).await
    }

    /// Has the overlord make a key for an intermediate authority, and returns the request to sign, in PEM.
    ///
    /// # Errors
    /// As for [`Client::authorities`].
    pub async fn export_signing_request(&self) -> Result<String, ClientError> {
        match self.ask_of_authority(AuthorityRequest::Export).await? {
            AuthorityReply::SigningRequest(request) => Ok(request),
            AuthorityReply::Status(_) => Err(ClientError::Unexpected),
        }
    }

    /// Begins the move to the authority whose certificates these are, in PEM.
    ///
    /// # Errors
    /// As for [`Client::authorities`]; of kind `BadRequest` where something is wrong with them.
    pub async fn import_authority(&self, pem: String) -> Result<AuthorityStatus, ClientError> {
        self.change_authority(AuthorityRequest::Import(pem)).await
    }

    async fn change_authority(&self, request: AuthorityRequest) -> Result<AuthorityStatus, ClientError> {
        match self.ask_of_authority(request).await? {
            AuthorityReply::Status(status) => Ok(*status),
            AuthorityReply::SigningRequest(_) => Err(ClientError::Unexpected),
        }
    }

    async fn ask_of_authority(&self, request: AuthorityRequest) -> Result<AuthorityReply, ClientError> {
        if Version::of(&self.connection) < Version::Six {
            return Err(ClientError::OlderOverlord { what: "move to another authority" });
        }
        match self.ask(&OperatorRequest::Authority(Box::new(request))).await? {
            OperatorReply::Authority(reply) => Ok(*reply),
            _ => Err(ClientError::Unexpected),
        }
    }
}
